// The one way to wait for a slow reader.

/** Until a stream that was full takes more, has closed, or `signal` aborts; leaves no listener behind. */
export const drained = (stream: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
