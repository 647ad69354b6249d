// The image that somebody names: a name made whole as Docker does it, or an id.
import { InvalidReference, isImageId, normalizeName } from '../images/index.ts';
import { CriError } from './cri.ts';

/** @throws CriError InvalidImageName */
export function imageName(ref: string): string {
  try {
    return normalizeName(ref);
  } catch (error) {
    if (error instanceof InvalidReference) throw new CriError('InvalidImageName', error.message, error);
    throw error;
  }
}

/** An id stays as it is. @throws CriError InvalidImageName */
export const imageNameOrId = (ref: string): string => (isImageId(ref) ? ref : imageName(ref));
