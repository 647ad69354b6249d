// Pressure as the summary shows it, by upstream's names. Where the kernel does not count it, it is left out. Pure.
import type { Pressure } from '../../kit/linux/index.ts';

export const psiText = (pressure: Pressure | undefined): { psi?: object } =>
  pressure === undefined ? {} : { psi: { full: pressure.full, some: pressure.some } };

/** Of input and output nothing else is told. */
export const ioText = (time: string, pressure: Pressure | undefined): { io?: object } =>
  pressure === undefined ? {} : { io: { time, ...psiText(pressure) } };
