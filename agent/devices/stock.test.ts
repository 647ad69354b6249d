import { expect, test } from 'vitest';
import { DeviceStock } from './stock.ts';

const GPU = 'x.io/gpu';

test('all are capacity, the healthy ones are allocatable; without a plugin nobody gets one, and after a while none is counted', () => {
  const stock = new DeviceStock();
  stock.remember(GPU);
  expect(stock.nodeResources(0)).toEqual({ capacity: { [GPU]: '0' }, allocatable: { [GPU]: '0' } });
  expect(stock.of(GPU)).toEqual({ healthy: new Set() });
  expect(stock.of('x.io/other')).toBeUndefined();

  stock.put(GPU, [
    { ID: 'a', health: 'Healthy' },
    { ID: 'b', health: 'Unhealthy' },
  ]);
  expect(stock.nodeResources(0)).toEqual({ capacity: { [GPU]: '2' }, allocatable: { [GPU]: '1' } });
  expect([stock.health(GPU, 'a'), stock.health(GPU, 'b'), stock.health(GPU, 'c')]).toEqual(['Healthy', 'Unhealthy', 'Unknown']);

  stock.gone(GPU, 1000);
  expect(stock.nodeResources(301_000)).toEqual({ capacity: { [GPU]: '2' }, allocatable: { [GPU]: '0' } });
  expect(stock.nodeResources(301_001)).toEqual({ capacity: { [GPU]: '0' }, allocatable: { [GPU]: '0' } });
  expect(stock.health(GPU, 'a')).toBe('Unhealthy');
});
