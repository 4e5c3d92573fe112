import { readdirSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { findPython } from './interop/src/python.ts'

// Where there is no Python, commlib-py cannot be met; CI has to have one, and fails without.
const python = findPython()
const interop = 'python' in python || process.env['CI'] !== undefined
if (!interop && 'lacking' in python) console.warn(`left out: the tests with live commlib-py. ${python.lacking}`)

const report = process.env['COMMLIB_TEST_REPORT']

export default defineConfig({
  test: {
    // What a test may take is in the test. This ends one that hangs, and not one that starts its brokers and processes
    // on a machine with other work.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Each has brokers beside it, and what is told in time must not depend on luck.
    maxWorkers: 2,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      ...readdirSync('packages').map(name => ({
        extends: true as const,
        test: {
          name,
          include: [`packages/${name}/test/**/*.test.ts`],
          typecheck: {
            enabled: true,
            include: [`packages/${name}/test/**/*.test-d.ts`],
            tsconfig: `packages/${name}/tsconfig.json`,
          },
        },
      })),
      { extends: true, test: { name: 'examples', include: ['examples/test/**/*.test.ts'] } },
      ...(interop
        ? [
            {
              extends: true as const,
              test: {
                name: 'interop',
                maxConcurrency: 3,
                // More than one step of a peer may take, which tells what the peer has logged.
                testTimeout: 120_000,
                include: ['interop/test/**/*.test.ts'],
              },
            },
          ]
        : []),
    ],
  },
})
