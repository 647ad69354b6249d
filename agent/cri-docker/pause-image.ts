// The image of a sandbox's own container: one program of 4 instructions that ignores its children's ends and sleeps. Made here, so that
// a node needs no registry for it.
import { createHash } from 'node:crypto';

export const PAUSE_IMAGE = 'wherry.local/pause:1';

/**
 * An ELF executable for x86-64 without libraries: rt_sigaction(SIGCHLD, SIG_IGN), so that the kernel reaps what is adopted, then
 * pause() for ever.
 */
function pauseProgram(): Buffer {
  const base = 0x400000;
  const headers = 64 + 56;
  const code = Buffer.from([
    ...[0xb8, 13, 0, 0, 0], // mov eax, rt_sigaction
    ...[0xbf, 17, 0, 0, 0], // mov edi, SIGCHLD
    ...[0x48, 0x8d, 0x35, 22, 0, 0, 0], // lea rsi, [rip + 22]: the action behind the code
    ...[0x31, 0xd2], // xor edx, edx
    ...[0x41, 0xba, 8, 0, 0, 0], // mov r10d, 8: bytes of a signal set
    ...[0x0f, 0x05], // syscall
    ...[0xb8, 34, 0, 0, 0], // mov eax, pause
    ...[0x0f, 0x05], // syscall
    ...[0xeb, 0xf7], // jump back to the pause
    ...[0x90, 0x90, 0x90, 0x90, 0x90], // up to the action
  ]);
  const action = Buffer.alloc(32);
  action.writeBigUInt64LE(1n); // SIG_IGN
  const size = BigInt(headers + code.length + action.length);
  const head = Buffer.alloc(headers);
  head.write('\x7fELF\x02\x01\x01', 'latin1');
  head.writeUInt16LE(2, 16); // executable
  head.writeUInt16LE(62, 18); // x86-64
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(base + headers), 24); // entry
  head.writeBigUInt64LE(64n, 32); // program headers
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  head.writeUInt32LE(1, 64); // load
  head.writeUInt32LE(5, 68); // read, execute
  head.writeBigUInt64LE(BigInt(base), 80);
  head.writeBigUInt64LE(BigInt(base), 88);
  head.writeBigUInt64LE(size, 96);
  head.writeBigUInt64LE(size, 104);
  head.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([head, code, action]);
}

/** A docker-archive of the image, as `docker load` takes it. @throws Error on another processor */
export function pauseArchive(architecture: string = process.arch): Buffer {
  if (architecture !== 'x64') throw new Error(`no pause image for ${architecture}: give the sandbox image in the configuration`);
  const layer = tar([{ name: 'pause', mode: 0o755, content: pauseProgram() }]);
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: { Entrypoint: ['/pause'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
  });
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: [PAUSE_IMAGE], Layers: ['layer.tar'] }]);
  return tar([
    { name: 'config.json', mode: 0o644, content: Buffer.from(config) },
    { name: 'layer.tar', mode: 0o644, content: layer },
    { name: 'manifest.json', mode: 0o644, content: Buffer.from(manifest) },
  ]);
}

const BLOCK = 512;

/** ustar: a header of 512 bytes a file, contents filled up to blocks, two empty blocks. */
function tar(files: readonly { name: string; mode: number; content: Buffer }[]): Buffer {
  const parts = files.flatMap(({ name, mode, content }) => [
    header(name, mode, content.length),
    content,
    Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(name: string, mode: number, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number) => block.write(`${value.toString(8).padStart(digits, '0')}\0`, at);
  block.write(name, 0);
  octal(mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(0, 136, 11);
  block.write('        0ustar\x0000', 148);
  block.write('ustar\x0000', 257);
  block.fill(' ', 148, 156);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  return block;
}
