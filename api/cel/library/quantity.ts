// Kubernetes' quantity().
import {
  type Quantity as Amount,
  addQuantities,
  compareQuantities,
  parseQuantity,
  quantitySign,
  subtractQuantities,
} from '../../meta/index.ts';
import { NOMINAL, traversal } from '../costs.ts';
import { declarer, type Overload } from '../declarations.ts';
import { CelError } from '../problems.ts';
import { structOf } from '../types.ts';
import { Custom } from '../values.ts';

const QUANTITY = structOf('kubernetes.Quantity');

class Quantity extends Custom {
  readonly type = QUANTITY;
  readonly amount: Amount;
  constructor(amount: Amount) {
    super();
    this.amount = amount;
  }
  equals = (other: Custom): boolean => other instanceof Quantity && compareQuantities(this.amount, other.amount) === 0;
}

function parse(text: string): Quantity {
  try {
    if (text === '' || text !== text.trim()) parseQuantity('?');
    return new Quantity(parseQuantity(text));
  } catch (error) {
    throw new CelError(error instanceof Error ? error.message : String(error));
  }
}

function isQuantity(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Exact whole number; undefined for a fraction or what 64 bits cannot hold. */
function whole({ amount }: Quantity): bigint | undefined {
  const value =
    amount.scale >= 0
      ? amount.unscaled * 10n ** BigInt(amount.scale)
      : amount.unscaled % 10n ** BigInt(-amount.scale) === 0n
        ? amount.unscaled / 10n ** BigInt(-amount.scale)
        : undefined;
  return value !== undefined && value < 2n ** 63n && value >= -(2n ** 63n) ? value : undefined;
}

function asInteger(quantity: Quantity): bigint {
  const value = whole(quantity);
  if (value === undefined) throw new CelError('cannot convert value to integer');
  return value;
}

const integer = (value: bigint): Amount => ({ unscaled: value, scale: 0, format: 'DecimalSI' });
const declare = declarer({ Quantity: QUANTITY });

export const quantities: readonly Overload[] = [
  declare('quantity(string) Quantity', parse, traversal(0)),
  declare('isQuantity(string) bool', isQuantity, traversal(0)),
  declare('sign(Quantity) int', ({ amount }: Quantity) => BigInt(quantitySign(amount)), NOMINAL),
  declare('Quantity::isGreaterThan(Quantity) bool', (a: Quantity, b: Quantity) => compareQuantities(a.amount, b.amount) > 0, NOMINAL),
  declare('Quantity::isLessThan(Quantity) bool', (a: Quantity, b: Quantity) => compareQuantities(a.amount, b.amount) < 0, NOMINAL),
  declare('Quantity::compareTo(Quantity) int', (a: Quantity, b: Quantity) => BigInt(compareQuantities(a.amount, b.amount)), NOMINAL),
  declare('Quantity::asApproximateFloat() double', ({ amount }: Quantity) => Number(`${amount.unscaled}e${amount.scale}`), NOMINAL),
  declare('Quantity::asInteger() int', asInteger, NOMINAL),
  declare('Quantity::isInteger() bool', (quantity: Quantity) => whole(quantity) !== undefined, NOMINAL),
  declare('Quantity::add(Quantity) Quantity', (a: Quantity, b: Quantity) => new Quantity(addQuantities(a.amount, b.amount)), NOMINAL),
  declare('Quantity::add(int) Quantity', (a: Quantity, b: bigint) => new Quantity(addQuantities(a.amount, integer(b))), NOMINAL),
  declare('Quantity::sub(Quantity) Quantity', (a: Quantity, b: Quantity) => new Quantity(subtractQuantities(a.amount, b.amount)), NOMINAL),
  declare('Quantity::sub(int) Quantity', (a: Quantity, b: bigint) => new Quantity(subtractQuantities(a.amount, integer(b))), NOMINAL),
];
