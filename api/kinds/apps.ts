// Behaviours of the kinds of apps/v1.
import type { Behaviours } from './behaviours.ts';

export const apps: Behaviours = {};
