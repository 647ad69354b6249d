// The nftables backend in a namespace of its own.
import { NftablesBackend } from './nftables-backend.ts';
import { proxyContract } from './proxy.contract.ts';

proxyContract('nftables', (netns) => new NftablesBackend({ netns }));
