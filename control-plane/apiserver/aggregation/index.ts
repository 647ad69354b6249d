// Entry of aggregation: APIServices, and the extension servers behind them.
export { Aggregator } from './aggregator.ts';
export { builtInPriority } from './priorities.ts';
export { FRONT_PROXY_NAME, type FrontProxy } from './trust.ts';
