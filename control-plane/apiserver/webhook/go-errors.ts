// Answers that are neither 2xx nor a Status in the words that client-go uses: users search for them.

const ANSWERS: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  409: 'the server reported a conflict',
  422: 'the server rejected our request due to an error in our request',
  429: 'the server has received too many requests and has asked us to try again later',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
};
const SHOWN_MAX = 2048;

/** client-go's error for an answer that is not 2xx and no Status (NewGenericServerResponse). */
export function answerText(code: number, contentType: string | undefined, body: string): string {
  const isText = contentType === undefined || contentType.startsWith('text/');
  const said = (isText ? body.trim().slice(0, SHOWN_MAX) : '') || 'unknown';
  if (code === 403 || code === 406 || code === 415) return said;
  if (ANSWERS[code]) return ANSWERS[code];
  if (code >= 500) return `an error on the server (${JSON.stringify(said)}) has prevented the request from succeeding`;
  return `the server responded with the status code ${code} but did not return more information`;
}
