// TCP connections that begin inside another network namespace: the socket keeps the namespace in which it was made.
import { inNetns } from './namespaces.ts';
import { connectLoopback } from './syscalls.ts';

/**
 * Connects to a port on the loopback of `netns` (undefined: the present one), IPv4 first, and returns the descriptor.
 * Synchronous, but on loopback the kernel answers at once. @throws SyscallError, e.g. ECONNREFUSED
 */
export function connectInNetns(netns: string | undefined, port: number): number {
  const connect = () => {
    try {
      return connectLoopback(4, port);
    } catch (error) {
      try {
        return connectLoopback(6, port);
      } catch {
        throw error;
      }
    }
  };
  return netns === undefined ? connect() : inNetns(netns, connect);
}
