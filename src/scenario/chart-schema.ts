import * as v from 'valibot'
import { FRAME_KINDS } from '../trace/record.ts'
import { FRAME_MOMENTS, MEMBER_STATES, VALUE_CHOICES } from '../trace/measures/measure-spec.ts'
import { byName, choiceField, flagField, formField, listOf, numberField, proseField, strict, timeField } from './field-schema.ts'
import { HOUR, hostName, linkName } from './name-schema.ts'

const eventName = formField(
  'Name of an event.',
  /^[a-z0-9-]+:[a-z0-9-]+$/,
  'the name of an event such as "host:load-sampled" or "chat:heard"',
)
const field = formField(
  'Key of a number in the data of the event.',
  /^[a-zA-Z][a-zA-Z0-9-]{0,39}$/,
  'a key such as "processor" or "delay"',
)
const CONDITION_ALLOWED = 'a text, a number, or true or false'
const where = v.exactOptional(
  byName(
    'values by key',
    v.pipe(v.string(), v.maxLength(40)),
    v.union([v.string(CONDITION_ALLOWED), v.number(CONDITION_ALLOWED), v.boolean(CONDITION_ALLOWED)], CONDITION_ALLOWED),
    { min: 1, max: 5, description: 'Only events whose data say this.' },
  ),
)
const as = v.exactOptional(choiceField('Counted a second (usual), or in all from the beginning of the run.', ['rate', 'total']))
const unit = v.exactOptional(
  choiceField(
    'What the numbers are, where that does not follow from the name of the field: a count, a share from 0 to 1, nanoseconds, or bytes.',
    ['count', 'fraction', 'time', 'bytes'],
  ),
)
const label = proseField('What the legend calls it.', 60)
const ofHost = (what: string) => v.exactOptional(v.pipe(hostName, v.description(what)))

const framesEntries = {
  label,
  kind: v.exactOptional(choiceField('Only frames of this kind.', FRAME_KINDS)),
  link: v.exactOptional(v.pipe(linkName, v.description('Only on this link.'))),
  from: ofHost('Only frames that this host put on a link of its own.'),
  to: ofHost('Only frames on their last link to this host.'),
  when: v.exactOptional(
    choiceField('When they count: as they arrive (usual), as they leave, or as they are lost.', FRAME_MOMENTS),
  ),
  as,
}

const MEASURE_ALLOWED = 'one of frames, bytes, events, value, percentile or members'

const seriesSchema = v.variant(
  'measure',
  [
    strict('a series of frames', { measure: v.literal('frames'), ...framesEntries }),
    strict('a series of bytes', { measure: v.literal('bytes'), ...framesEntries }),
    strict('a series of events', {
      measure: v.literal('events'),
      label,
      event: eventName,
      host: ofHost('Only events of this host.'),
      where,
      as,
    }),
    strict('a series of values', {
      measure: v.literal('value'),
      label,
      event: eventName,
      field,
      host: v.pipe(hostName, v.description('Whose events.')),
      where,
      take: v.exactOptional(choiceField('Which of several values stands for a bucket of time; the last (usual).', VALUE_CHOICES)),
      unit,
    }),
    strict('a series of percentiles', {
      measure: v.literal('percentile'),
      label,
      event: eventName,
      field,
      percentile: numberField('The smallest value that so many percent of all do not exceed.', { min: 0, max: 100 }),
      host: ofHost('Only events of this host.'),
      where,
      unit,
    }),
    strict("a series of a crowd's members", {
      measure: v.literal('members'),
      label,
      host: v.pipe(hostName, v.description('The crowd: a host with replicas.')),
      state: choiceField('How many members are in this state.', MEMBER_STATES),
    }),
  ],
  MEASURE_ALLOWED,
)

const LIMITS = { charts: 12, series: 8 } as const

/** Charts over simulated time. */
export const chartsSchema = listOf(
  'charts',
  strict('a chart', {
    title: proseField('What the chart shows.', 80),
    bucket: v.exactOptional(
      timeField('Width of the pieces of time that each value stands for; found from the duration when absent.', {
        min: 1000,
        max: HOUR,
      }),
    ),
    stacked: v.optional(flagField('true: piles the series up on one another, for parts of a whole.'), false),
    series: listOf('series', seriesSchema, { min: 1, max: LIMITS.series, description: 'What is drawn, in at most two units.' }),
  }),
  { max: LIMITS.charts, description: 'Charts over simulated time, for the view "charts".' },
)

export type ParsedChart = v.InferOutput<typeof chartsSchema>[number]
export type ParsedSeries = ParsedChart['series'][number]
