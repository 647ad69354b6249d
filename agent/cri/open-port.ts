// A connection to a port on a sandbox's loopback, made in its network namespace.
import { Socket } from 'node:net';
import { connectInNetns } from '../../kit/linux/index.ts';
import { type CriContext, mustSandbox, sandboxFile, usesPodNetwork } from './context.ts';

/** @throws SyscallError, e.g. ECONNREFUSED */
export function openPort(context: CriContext, sandboxId: string, port: number): Socket {
  const netns = usesPodNetwork(mustSandbox(context, sandboxId).config) ? sandboxFile(context, sandboxId, 'net') : undefined;
  return new Socket({ fd: connectInNetns(netns, port), allowHalfOpen: true });
}
