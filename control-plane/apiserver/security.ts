// The security part of the server: who asks, may they, and what is done to what they send.
import { type KeyPair, subjectOf } from '../../kit/net/index.ts';
import { admissionPlugins } from './admission/index.ts';
import { FRONT_PROXY_NAME } from './aggregation/index.ts';
import {
  type AuthenticationSettings,
  authenticateStage,
  createAuthenticator,
  impersonateStage,
  openIdPaths,
  readAuthentication,
  selfSubjectReviewHandler,
  signingKey,
  tokenRequestHandler,
  tokenReviewHandler,
} from './authn/index.ts';
import {
  accessReviewHandlers,
  authorizeStage,
  bootstrapObjects,
  certificateSigners,
  createRbacAuthorizer,
  escalationPlugin,
  nodeRules,
  withNodes,
} from './authz/index.ts';
import { connectHandlers } from './connect/index.ts';
import type { MakeSecurity } from './handlers.ts';
import { usageHandlers } from './usage/index.ts';

/** Issuer and audience of service account tokens. */
const DEFAULT_ISSUER = 'https://kubernetes.default.svc';

export interface SecurityOptions {
  /** RSA or EC P-256 private key, PEM (Pki.serviceAccountKey). */
  serviceAccountKey: string;
  /** Towards the agents (Pki.kubeletClient). */
  kubeletClient: KeyPair;
  /** PEM of the cluster's authority. */
  caCert: string;
  /** PEM of the authority of front proxies' certificates: those may say who somebody is. */
  frontProxyCa?: string;
  /** Base of the key set's address, e.g. https://172.30.0.1:6443 */
  serverUrl: string;
  issuer?: string;
  audiences?: readonly string[];
  /** Who is let in beside the holders of certificates and service account tokens. */
  authentication?: AuthenticationSettings | undefined;
}

export function createSecurity(options: SecurityOptions): MakeSecurity {
  const key = signingKey(options.serviceAccountKey);
  const issuer = options.issuer ?? DEFAULT_ISSUER;
  const { issuers, anonymous, staticTokens } = readAuthentication(options.authentication ?? {}, issuer);
  return (services) => {
    const { reader, clock } = services;
    const agents = { ...options.kubeletClient, ca: options.caCert };
    const authenticator = createAuthenticator({
      reader,
      clock,
      signingKey: key,
      issuer,
      ...(options.audiences ? { audiences: options.audiences } : {}),
      staticTokens,
      issuers,
      ...(options.frontProxyCa ? { frontProxy: { authority: subjectOf(options.frontProxyCa).commonName, names: [FRONT_PROXY_NAME] } } : {}),
    });
    const authorizer = withNodes(createRbacAuthorizer(reader), reader, nodeRules);
    return {
      authenticate: authenticateStage(authenticator, services.accessMetrics, anonymous),
      impersonate: impersonateStage(authorizer),
      authorize: authorizeStage(authorizer, services.accessMetrics),
      // Escalation first: quota, the last of the list, must count only what nothing else refuses.
      admission: [escalationPlugin(authorizer, reader), certificateSigners(authorizer), ...admissionPlugins(services, authorizer)],
      handlers: {
        ...accessReviewHandlers(authorizer),
        'authentication.k8s.io/tokenreviews': tokenReviewHandler(authenticator),
        'authentication.k8s.io/selfsubjectreviews': selfSubjectReviewHandler,
        '/serviceaccounts/token': tokenRequestHandler({ signingKey: key, issuer, audiences: authenticator.audiences }),
        ...connectHandlers(agents, authorizer),
        ...usageHandlers(services, agents),
      },
      paths: openIdPaths(issuer, [key], options.serverUrl),
      bootstrap: bootstrapObjects(),
    };
  };
}
