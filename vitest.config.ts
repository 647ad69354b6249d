// Test projects: unit (pure and contract tests beside the code; before each commit), slow (such tests that take seconds: floods, deadlines,
// laws over thousands of cases), root (needs root, kernel features or processes of its own), cluster (real clusters, real kubectl),
// clients (programs with other people's clients, real clusters).
import { defineConfig } from 'vitest/config';

/** Polls of what real processes do, and whole tests of them: deadlines that a busy machine meets. Only what hangs gets there. */
const expect = { poll: { timeout: 60_000 } };
const timeouts = { testTimeout: 180_000, hookTimeout: 180_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{api,kit,control-plane,agent,cni,rig,cli,scripts}/**/*.test.ts'],
          exclude: ['**/*.root.test.ts', '**/*.slow.test.ts', '**/node_modules/**'],
          testTimeout: 30_000,
          // One process a worker for all files: loading the same modules again for each file took three quarters of the time.
          isolate: false,
        },
      },
      { test: { name: 'slow', include: ['{api,kit,control-plane,agent,scripts}/**/*.slow.test.ts'], testTimeout: 30_000, isolate: false } },
      {
        test: {
          name: 'root',
          include: ['{kit,control-plane,agent,cni,rig}/**/*.root.test.ts'],
          exclude: ['agent/runtime/**', '**/node_modules/**'],
          ...timeouts,
          expect,
          maxWorkers: 2,
        },
      },
      { test: { name: 'runtime', include: ['agent/runtime/**/*.root.test.ts'], ...timeouts, expect } },
      {
        test: {
          name: 'cluster',
          include: ['test/**/*.test.ts'],
          exclude: ['test/clients/**'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          expect,
          maxWorkers: 2,
        },
      },
      // Building a client's program from nothing takes minutes.
      { test: { name: 'clients', include: ['test/clients/*.test.ts'], testTimeout: 180_000, hookTimeout: 1_200_000, maxWorkers: 2 } },
    ],
  },
});
