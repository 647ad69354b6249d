// A program of its own (dist/yaml-thread.js) that runs as a thread: reads each YAML text that it is sent.
import { parentPort } from 'node:worker_threads';
import { answerYaml } from './yaml-answer.ts';

parentPort?.on('message', (text: string) => parentPort!.postMessage(answerYaml(text)));
