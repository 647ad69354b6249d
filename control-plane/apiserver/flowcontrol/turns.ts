// Long work of many requests takes turns: one slice a pass of the event loop, so that a short request between them never waits for more than one.

const waiting: (() => void)[] = [];
let running = false;

/** Resolves when the caller may do one more slice of its work. First come, first served. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (!running) {
      running = true;
      setImmediate(pass);
    }
  });
}

function pass(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(pass);
  else running = false;
}
