// Kinds that are asked, not stored: the apiserver has a handler for each.
import type { Behaviours } from './behaviours.ts';

export const authentication: Behaviours = { SelfSubjectReview: { virtual: true }, TokenReview: { virtual: true } };

export const authorization: Behaviours = {
  LocalSubjectAccessReview: { virtual: true },
  SelfSubjectAccessReview: { virtual: true },
  SelfSubjectRulesReview: { virtual: true },
  SubjectAccessReview: { virtual: true },
};
