import type { FrameKind, Nanos } from '../record.ts'

/*
 * What can be measured on a trace over simulated time. A spec is plain data: scenarios declare charts by it, claims and articles
 * ask for the same series by it, so that what is drawn is what is claimed.
 */

/** When a frame counts: as its first bit leaves, as its last bit arrives, or as it is lost (for whatever reason). */
export const FRAME_MOMENTS = ['arrived', 'sent', 'lost'] as const
/** Members of a crowd, by what their application last said of itself; `down`: powered off, crashed or killed. */
export const MEMBER_STATES = ['idle', 'connecting', 'connected', 'backing-off', 'gone', 'down'] as const
/** Which of the values that fall into one bucket stands for it. */
export const VALUE_CHOICES = ['last', 'max', 'min', 'mean', 'sum'] as const

export type FrameMoment = (typeof FRAME_MOMENTS)[number]
export type MemberState = (typeof MEMBER_STATES)[number]
export type ValueChoice = (typeof VALUE_CHOICES)[number]

/** Frames on links, or their bytes without the frame check sequence: a second, or in all so far. */
export interface FramesMeasure {
  readonly measure: 'frames' | 'bytes'
  /** Only of this kind; `tcp-syn` counts SYN-ACKs, too, unless `to` or `from` says which way. */
  readonly kind?: FrameKind
  /** Only on this link, by its index. */
  readonly link?: number
  /** Only frames that this host, or a member of this crowd, put on a link of its own. */
  readonly from?: string
  /** Only frames on their last link to this host or crowd. */
  readonly to?: string
  /** `'arrived'` when absent. */
  readonly when?: FrameMoment
  /** `'rate'` when absent. */
  readonly as?: 'rate' | 'total'
}

/** What the data of an event must say: equal values by key. */
export type EventCondition = Readonly<Record<string, string | number | boolean>>

/** Events of a name: a second, or in all so far. */
export interface EventsMeasure {
  readonly measure: 'events'
  readonly event: string
  /** Only of this host or crowd. */
  readonly host?: string
  readonly where?: EventCondition
  /** `'rate'` when absent. */
  readonly as?: 'rate' | 'total'
}

/** A number in an event's data, as it was last told; it stands until it is told anew, or the host goes off. */
export interface ValueMeasure {
  readonly measure: 'value'
  readonly event: string
  readonly field: string
  readonly host: string
  readonly where?: EventCondition
  /** Where several fall into a bucket; `'last'` when absent. */
  readonly take?: ValueChoice
}

/** A percentile of a number in events' data, of those that fall into each bucket; a bucket without any is a gap. */
export interface PercentileMeasure {
  readonly measure: 'percentile'
  readonly event: string
  readonly field: string
  /** 0 to 100: the smallest value that at least so many percent do not exceed (nearest rank). */
  readonly percentile: number
  readonly host?: string
  readonly where?: EventCondition
}

/** How many members of a crowd are in a state. A member is idle before its application says anything. */
export interface MembersMeasure {
  readonly measure: 'members'
  /** The crowd. */
  readonly host: string
  readonly state: MemberState
  /** How many members there are; absent: as many as the trace has heard of. */
  readonly members?: number
}

export type MeasureSpec = FramesMeasure | EventsMeasure | ValueMeasure | PercentileMeasure | MembersMeasure

/** What the numbers of a series are: a bare count, a share in [0, 1], nanoseconds, bytes. */
export type SeriesUnit = 'count' | 'fraction' | 'time' | 'bytes'

export interface ChartSeries {
  readonly label: string
  readonly unit: SeriesUnit
  /** Whether the numbers are per second. */
  readonly perSecond: boolean
  readonly spec: MeasureSpec
}

/** A chart as a scenario declares it, with every default filled in. */
export interface ChartPlan {
  readonly title: string
  /** Width of the pieces of time that each value stands for. */
  readonly bucket: Nanos
  /** Whether series are piled up on one another. */
  readonly stacked: boolean
  readonly series: readonly ChartSeries[]
}
