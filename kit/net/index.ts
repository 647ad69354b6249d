// Entry of kit/net: certificates, and the streams of exec, attach and port-forward.
export * from './port-forward.ts';
export * from './remote-command.ts';
export * from './streams.ts';
