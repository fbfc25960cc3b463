import * as v from 'valibot'
import { countField, proseField, sizeField, strict, timeField } from './field-schema.ts'
import { hostName } from './name-schema.ts'
import type { TraceView } from '../trace/record.ts'
import type { Field } from './field-schema.ts'

const DAY = 86_400e9

/** What a claim found. */
export interface ClaimResult {
  readonly holds: boolean
  /** One line with the numbers that it rests on: `'resent after 61 ms; the timer would have fired after 240 ms'`. */
  readonly evidence: string
}

/** Measures a claim on what happened. */
export type ClaimFunction = (trace: TraceView) => boolean | ClaimResult

const common = {
  says: proseField('What is claimed, in a sentence.', 400),
  cites: v.exactOptional(proseField('Where that is written: RFC and section.', 200)),
}
const host = v.exactOptional(v.pipe(hostName, v.description('Measure on this host only.')))

/** A claim that a file of plain data can make: something measured, and a bound. */
function measured<const Name extends string, Written>(name: Name, bound: Field<Written, number>) {
  return strict(`a claim on ${name}`, {
    ...common,
    measure: v.literal(name),
    host,
    below: v.exactOptional(bound),
    above: v.exactOptional(bound),
  })
}

const time = timeField('A time that it is compared with; equal does not count.', { max: DAY })
const count = countField('A number that it is compared with; equal does not count.', { min: 0, max: Number.MAX_SAFE_INTEGER })

export const MEASURES = ['page-load-time', 'bytes-delivered', 'frames-lost', 'retransmissions', 'ping-rtt'] as const
export type Measure = (typeof MEASURES)[number]

const measuredClaims = [
  measured('page-load-time', time),
  measured(
    'bytes-delivered',
    sizeField('A size that it is compared with; equal does not count.', { max: Number.MAX_SAFE_INTEGER }),
  ),
  measured('frames-lost', count),
  measured('retransmissions', count),
  measured('ping-rtt', time),
] as const

const MEASURE_ALLOWED = `a named measure: ${MEASURES.join(', ')}`
const FUNCTION_ALLOWED = `a measure (${MEASURES.join(', ')}) with below or above; or, in a TypeScript scenario, a function of the trace`

const functionClaim = strict('a claim', {
  ...common,
  measure: v.exactOptional(v.never()),
  holds: v.custom<ClaimFunction>((value) => typeof value === 'function', FUNCTION_ALLOWED),
})

export const claimSchema = v.variant('measure', [...measuredClaims, functionClaim], (issue) =>
  issue.path === undefined ? 'a claim: an object with says and measure' : MEASURE_ALLOWED,
)
/** A claim of a file of plain data. */
export const measuredClaimSchema = v.variant('measure', [...measuredClaims], MEASURE_ALLOWED)

export type Claim = v.InferOutput<typeof claimSchema>
export type MeasuredClaim = v.InferOutput<typeof measuredClaimSchema>
