import { Asn1Tag, type DerReader } from './asn1.ts'
import { decodeAsciiText } from './asn1-text.ts'

/** Days from 1970-01-01 to the first of March of a year, in the proleptic Gregorian calendar. */
function daysToMarch(year: number): number {
  return 365 * (year - 1970) + Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400) - 477 + 59
}

/** Days from the first of March to the first of each month, January and February being those of the year after. */
const DAYS_TO_MONTH = [306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275]

function daysSince1970(year: number, month: number, day: number): number {
  return daysToMarch(month < 3 ? year - 1 : year) + DAYS_TO_MONTH[month - 1] + day - 1
}

/** A time of the calendar, UTC. */
interface CalendarTime {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  /** 1 to 31. */
  readonly day: number
  /** Of the day. */
  readonly seconds: number
}

function calendarOf(time: number): CalendarTime {
  const days = Math.floor(time / 86_400)
  let year = 1970 + Math.floor(days / 365.2425)
  while (daysSince1970(year + 1, 1, 1) <= days) year++
  while (daysSince1970(year, 1, 1) > days) year--
  let month = 12
  while (daysSince1970(year, month, 1) > days) month--
  return { year, month, day: days - daysSince1970(year, month, 1) + 1, seconds: time - days * 86_400 }
}

function padded(value: number, digits = 2): string {
  return String(value).padStart(digits, '0')
}

/** `'2026-01-31 12:00:00 UTC'`: a time in seconds since 1970, for people. */
export function timeText(time: number): string {
  const { year, month, day, seconds } = calendarOf(time)
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map((part) => padded(part)).join(':')
  return `${padded(year, 4)}-${padded(month)}-${padded(day)} ${clock} UTC`
}

/**
 * Reads UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 wants them, with seconds and `Z`; two digits of a year mean 1950 to 2049.
 * @returns seconds since 1970, without leap seconds
 */
export function readTime(reader: DerReader): number {
  const element = reader.next()
  const isShort = element.tag === Asn1Tag.UTC_TIME
  if (!isShort && element.tag !== Asn1Tag.GENERALIZED_TIME) throw reader.error('invalid', element.start, 'neither type of time')
  const text = decodeAsciiText(reader, element)
  const match = (isShort ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(text)
  if (match === null) throw reader.error('invalid', element.contentStart, 'a time that is not of the form YYMMDDHHMMSSZ')
  const [first, month, day, hour, minute, second] = match.slice(1).map(Number)
  const year = isShort ? first + (first < 50 ? 2000 : 1900) : first
  const isClock = hour < 24 && minute < 60 && second < 60
  const isDay = month >= 1 && month <= 12 && day >= 1 && daysSince1970(year, month, day) < firstOfNextMonth(year, month)
  if (!isClock || !isDay) throw reader.error('invalid', element.contentStart, 'a time that the calendar does not have')
  return daysSince1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
}

function firstOfNextMonth(year: number, month: number): number {
  return month === 12 ? daysSince1970(year + 1, 1, 1) : daysSince1970(year, month + 1, 1)
}

/** The text of a time in seconds since 1970, up to the year 2049 as UTCTime and from then on as GeneralizedTime (RFC 5280 section 4.1.2.5). */
export function timeDigits(time: number): { readonly tag: number; readonly text: string } {
  const { year, month, day, seconds } = calendarOf(time)
  const rest = [month, day, Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((part) => padded(part))
    .join('')
  if (year >= 1950 && year < 2050) return { tag: Asn1Tag.UTC_TIME, text: `${padded(year % 100)}${rest}Z` }
  return { tag: Asn1Tag.GENERALIZED_TIME, text: `${padded(year, 4)}${rest}Z` }
}
