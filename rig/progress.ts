// What a user sees while a cluster starts: a step's name and its milliseconds; plain lines when not on a terminal.

export interface Progress {
  /** Runs one named step of the list and tells when it is done. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
}

export const silentProgress: Progress = { step: (_, work) => work() };
