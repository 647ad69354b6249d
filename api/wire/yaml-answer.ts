// What a thread of its own answers to a long YAML text: itself text, which is passed on and read at a hundredth of the cost.
import { readJson } from '../meta/index.ts';
import { parseYaml, type YamlReader } from './yaml.ts';

/** `json` is the value; `error` why there is none. */
type Answer = { json: string; duplicates: string[] } | { error: string };

/** Such a document takes up to 400 MB while it is read. 3 MB hold more only when their lines have less than 12 letters. */
const ENTRIES_MAX = 250_000;
const LOOK_UPS_MAX = 50_000_000;

/** JSON of an {@link Answer}. */
export function answerYaml(text: string): string {
  let answer: Answer;
  try {
    const { value, duplicates } = parseYaml(text, { entriesMax: ENTRIES_MAX, lookUpsMax: LOOK_UPS_MAX });
    answer = { json: JSON.stringify(value), duplicates };
  } catch (error) {
    answer = { error: (error as Error).message };
  }
  return JSON.stringify(answer);
}

/** A reader of the one text that the answer is for: gives a fresh value at each call. */
export function readerOfAnswer(text: string): YamlReader {
  const answer = JSON.parse(text) as Answer;
  return () => {
    if ('error' in answer) throw new SyntaxError(answer.error);
    return { value: readJson(answer.json), duplicates: answer.duplicates };
  };
}
