import { createContext } from '@lit/context'
import type { Run } from '../src/run/run.ts'
import type { Selection } from './selection.ts'

// Symbol.for: elements of two copies of the library on one page still find each other's run.

/** The run that the elements inside a playground show; undefined while there is none. */
export const runContext = createContext<Run | undefined>(Symbol.for('packetarium.run'))

/** What is selected in a playground. */
export const selectionContext = createContext<Selection | undefined>(Symbol.for('packetarium.selection'))
