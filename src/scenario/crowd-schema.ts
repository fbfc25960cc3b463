import * as v from 'valibot'
import { choiceField, countField, rateField, strict, timeField } from './field-schema.ts'

/** Most members of a crowd. */
const MOST_REPLICAS = 20_000

const MINUTE = 60e9
const delay = timeField('One-way delay.', { max: MINUTE })
const DELAY_ALLOWED = 'a time such as "20 ms", or the least and the most, such as ["5 ms", "60 ms"]'

/** Each member's own line, in front of the link that all of them share. */
export const accessSchema = v.pipe(
  strict("a member's own line", {
    rate: v.exactOptional(rateField('Bits per second of whole Ethernet frames, in each direction. Usually "unlimited".')),
    delay: v.exactOptional(
      v.pipe(
        v.union([delay, v.strictTuple([delay, delay], DELAY_ALLOWED)], DELAY_ALLOWED),
        v.check((written) => typeof written === 'number' || written[0] <= written[1], `${DELAY_ALLOWED}; the least first`),
        v.description('One-way delay; of a range, each member has its own. Usually "0 s".'),
      ),
    ),
  }),
  v.description('The line of each member of a crowd, in front of the link that all of them share.'),
)

/** What an author may say of a host that is a crowd, or as busy as one. */
export const crowdEntries = {
  replicas: v.exactOptional(
    countField('Makes a crowd of it: so many hosts like this one, each with addresses of its own, on one link.', {
      min: 1,
      max: MOST_REPLICAS,
    }),
  ),
  access: v.exactOptional(accessSchema),
  trace: v.exactOptional(
    choiceField(
      'Whether the trace has every event, or no details such as states of connections, as usual for crowds. Every frame it has always.',
      ['full', 'brief'],
    ),
  ),
}
