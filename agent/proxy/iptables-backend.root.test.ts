// The iptables backend in a namespace of its own.
import { IptablesBackend } from './iptables-backend.ts';
import { proxyContract } from './proxy.contract.ts';

proxyContract('iptables', (netns) => new IptablesBackend({ netns }));
