// Entry of kit/net: certificates, a cluster's keys, and the streams of exec, attach and port-forward.
export * from './certificates.ts';
export * from './connection-text.ts';
export * from './pki.ts';
export * from './port-forward.ts';
export * from './reader-web-socket.ts';
export * from './remote-command.ts';
export * from './remote-command-client.ts';
export * from './signing-request.ts';
export * from './streams.ts';
export { wantsWebSocket } from './upgrade.ts';
