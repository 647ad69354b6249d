// Entry of agent/shutdown: pods end before their machine does.
export { NodeShutdown } from './node-shutdown.ts';
export { shutdownService } from './service.ts';
export { checkShutdown, gracesOf, type ShutdownSettings, shutdownDefaults } from './settings.ts';
