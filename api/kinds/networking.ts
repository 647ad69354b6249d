// Behaviours of the kinds of networking.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';
import { ipAddress, serviceCidr } from './networking/addresses.ts';
import { ingress, ingressClass } from './networking/ingress.ts';
import { networkPolicy } from './networking/networkpolicy.ts';

export const networking: Behaviours = {
  Ingress: ingress,
  IngressClass: ingressClass,
  IPAddress: ipAddress,
  NetworkPolicy: networkPolicy,
  ServiceCIDR: serviceCidr,
};
