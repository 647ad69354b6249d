// Entry of authn: who is asking.
export * from './authenticator.ts';
export { headerText } from './header-values.ts';
export * from './impersonate.ts';
export * from './jwt.ts';
export * from './openid.ts';
export * from './reviews.ts';
export * from './service-account-token.ts';
export * from './settings.ts';
export * from './token-request.ts';
