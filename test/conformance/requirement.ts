/**
 * A requirement of an RFC, and where it is put to the test. The tables beside this file list every MUST and MUST NOT that concerns TCP;
 * `requirements.test.ts` holds that each has tests which exist, or a reason for having none.
 */
export type Requirement = {
  /** As the RFC numbers it (`'MUST-1'`); where it does not, the section and a word: `'3.1 loss window'`. Unique in its table. */
  readonly id: string
  /** Section, without the word. */
  readonly section: string
  /** What it asks for, in short. */
  readonly says: string
} & (
  | {
      /** Names of tests by the file that they stand in, from the project's root. Of a name made by a template only what is fixed counts. */
      readonly tests: Readonly<Record<string, readonly string[]>>
      /** Where the implementation departs from it, and why, if it does. */
      readonly deviates?: string
    }
  | {
      /** Why there is no test: what it asks for has no place here, or is not done, and why. */
      readonly untested: string
    }
)

const OPEN = 'test/pair/tcp-open.test.ts'
const CLOSE = 'test/pair/tcp-close.test.ts'
const WINDOW = 'test/pair/tcp-window.test.ts'
const RECOVERY = 'test/pair/tcp-recovery.test.ts'
const ARRIVAL = 'test/protocols/tcp/arrival.test.ts'

/** Short names of the files that most tests are in. */
export const TEST_FILES = { OPEN, CLOSE, WINDOW, RECOVERY, ARRIVAL } as const
