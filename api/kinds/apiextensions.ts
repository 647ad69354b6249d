// Behaviours of the kinds of apiextensions.k8s.io/v1.
import { customResourceDefinition } from './apiextensions/crd.ts';
import type { Behaviours } from './behaviours.ts';

export const apiextensions: Behaviours = {
  CustomResourceDefinition: customResourceDefinition,
  ConversionReview: { virtual: true },
};
