// Test projects: unit (pure and contract tests beside the code), root (needs root and kernel features), cluster (real clusters, real kubectl).
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{api,kit,control-plane,agent,cni,rig,cli,scripts}/**/*.test.ts'],
          exclude: ['**/*.root.test.ts', '**/node_modules/**'],
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: 'root',
          include: ['{kit,control-plane,agent,cni,rig}/**/*.root.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      { test: { name: 'cluster', include: ['test/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 180_000, maxWorkers: 2 } },
    ],
  },
});
