import * as v from 'valibot'
import { choiceField, timeField } from './field-schema.ts'
import { HOUR } from './name-schema.ts'

/** How long the processor of a server needs for a request. */
export const serviceEntries = {
  mean: timeField('How long a request takes, on average.', { min: 1000, max: HOUR }),
  distribution: v.optional(choiceField('How that varies.', ['constant', 'exponential']), 'exponential'),
}
