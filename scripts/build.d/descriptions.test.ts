import { expect, test } from 'vitest';
import { describe, mangled } from './descriptions.ts';

const SOURCE = `import { Model } from "x";
/**
 * Boat goes
 * on water.
 */
export interface IBoat {
    /**
     * Kind of hull. One of:
     *
     * \\* wood
     *
     * Possible enum values:
     *  - \`"Steel"\`
     *  - \`"Wood"\`
     */
    "hull"?: "Steel" | "Wood";
    "name": string;
    /**
     * Of the crew.
     */
    "crew"?: {
        [key: string]: "a" | "b";
    };
}
/**
 * Boat goes nowhere.
 */
export declare class Boat extends Model<IBoat> {
    "hull"?: string;
}
export type { IBoat as IIoK8sApiSeaV1Boat, Boat as IoK8sApiSeaV1Boat };
`;

test('texts keep their lines; lists of values come with them', () => {
  expect(describe(SOURCE)).toEqual({
    name: 'IoK8sApiSeaV1Boat',
    description: {
      text: 'Boat goes\non water.',
      fields: { hull: 'Kind of hull. One of:\n\n* wood\n\nPossible enum values:\n - `"Steel"`\n - `"Wood"`', crew: 'Of the crew.' },
      enums: { hull: ['Steel', 'Wood'] },
    },
  });
});

test('types that are no structures have a text only', () => {
  expect(describe('/**\n * A time.\n */\nexport type ITime = string;\nexport type { ITime as IIoK8sV1Time };\n')).toEqual({
    name: 'IoK8sV1Time',
    description: { text: 'A time.' },
  });
  expect(describe('export * from "./x.js";\n')).toBeUndefined();
});

test('names are written as the package writes them', () => {
  expect(mangled('io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService')).toBe(
    'IoK8sKubeAggregatorPkgApisApiregistrationV1APIService',
  );
});
