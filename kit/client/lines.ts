// Splits a byte stream into lines, with a bound on the length of one line.

/** Yields each line without its newline. @throws Error when a line is longer than `lineBytesMax`. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, lineBytesMax: number): AsyncGenerator<string> {
  let parts: Uint8Array[] = [];
  let partBytes = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const tail = chunk.subarray(from, end);
      from = end + 1;
      const line = partBytes === 0 ? text(tail) : Buffer.concat([...parts, tail]).toString('utf8');
      parts = [];
      partBytes = 0;
      if (line !== '') yield line;
    }
    if (from < chunk.length) {
      parts.push(chunk.subarray(from));
      partBytes += chunk.length - from;
      if (partBytes > lineBytesMax) throw new Error(`line of more than ${lineBytesMax} bytes`);
    }
  }
  if (partBytes > 0) yield Buffer.concat(parts).toString('utf8');
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
