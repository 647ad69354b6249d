// Entry of cni: the bridge plugin and its addresses as a library. The executable of the CNI spec is main.ts.
export * from './bridge.ts';
export * from './host-ports.ts';
export * from './ipam.ts';
export * from './masquerade.ts';
export * from './result.ts';
