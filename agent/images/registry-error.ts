// What a registry answered, told apart because a pod's status tells it apart.

export type RegistryErrorKind = 'not-found' | 'unauthorized' | 'unavailable' | 'other';

export class RegistryError extends Error {
  readonly kind: RegistryErrorKind;
  constructor(kind: RegistryErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RegistryError';
    this.kind = kind;
  }
}
