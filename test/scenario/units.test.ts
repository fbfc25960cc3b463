import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ScenarioError } from '../../src/scenario/errors.ts'
import { formatUnit, parseUnit, readUnit, unitPattern, writeUnit } from '../../src/scenario/units.ts'
import { refusalOf } from './scenario-fixture.ts'

const WHOLE = ['time', 'rate', 'bytes'] as const

test('quantities are read exactly, in base units', () => {
  assert.equal(parseUnit('time', '20 ms'), 20_000_000)
  assert.equal(parseUnit('time', '0.1 ms'), 100_000)
  assert.equal(parseUnit('time', '1.000000001 s'), 1_000_000_001)
  assert.equal(parseUnit('time', '5 \u00b5s'), 5_000)
  assert.equal(parseUnit('time', '5\u03bcs'), 5_000)
  assert.equal(parseUnit('time', '2 min'), 120e9)
  assert.equal(parseUnit('rate', '9.6 Mbit/s'), 9_600_000)
  assert.equal(parseUnit('rate', 'unlimited'), 0)
  assert.equal(parseUnit('bytes', '64 KiB'), 65_536)
  assert.equal(parseUnit('bytes', '1.5 kB'), 1_500)
  assert.equal(parseUnit('fraction', '2 %'), 0.02)
  assert.equal(parseUnit('fraction', '33.3 %'), 0.333)
  assert.equal(parseUnit('fraction', '100%'), 1)
  assert.equal(parseUnit('count', '17'), 17)
})

test('a time in floating point would be off by one: 1.001 s is 1,001,000,000 ns', () => {
  for (let i = 1; i < 2000; i++) assert.equal(parseUnit('time', `${(i / 1000).toFixed(3)} s`), i * 1_000_000)
})

test('what is no quantity is refused, and the message names what is allowed', () => {
  const refused: [Parameters<typeof parseUnit>[0], string, RegExp][] = [
    ['time', '20', /a time such as "20 ms" \(ns, us, ms, s, min or h\)/],
    ['time', '20 mss', /^"20 ms" perhaps; a time/],
    ['time', '', /a time such as/],
    ['time', '-1 ms', /a time such as/],
    ['time', '1e3 ms', /a time such as/],
    ['time', '0.5 ns', /a whole number of ns below 2\^53/],
    ['time', '9999999 h', /below 2\^53/],
    ['time', ' 20 ms', /a time such as/],
    ['rate', '10 mbit/s', /^"10 Mbit\/s" perhaps/],
    ['rate', '0 bit/s', /at least 1 bit\/s; cut a link/],
    ['rate', '20 ms', /a rate such as "10 Mbit\/s"/],
    ['bytes', '64 Kb', /such as "64 KiB" \(B, kB, KiB, MB, MiB, GB or GiB\)/],
    ['fraction', '101 %', /from "0 %" to "100 %"/],
    ['fraction', '-2 %', /from "0 %" to "100 %"/],
    ['fraction', '0.02', /such as "2 %"/],
    ['count', '12 ms', /a number/],
    ['count', '0x10', /a number/],
  ]
  for (const [unit, text, allowed] of refused) {
    const error = refusalOf(() => parseUnit(unit, text, 'links[0].delay'))
    assert.match(error.allowed, allowed, text)
    assert.equal(error.path, 'links[0].delay')
    assert.equal(error.found, JSON.stringify(text))
  }
})

test('what is written is read back as the very same number', () => {
  for (const unit of WHOLE) {
    const values = fc.oneof(
      fc.maxSafeNat(),
      fc.nat(),
      fc.nat({ max: 5000 }).map((n) => n * 1_000_000),
    )
    fc.assert(
      fc.property(values, (value) => {
        assert.equal(parseUnit(unit, writeUnit(unit, value)), value)
        assert.match(writeUnit(unit, value), new RegExp(unitPattern(unit)))
      }),
      { seed: 1, numRuns: 2000 },
    )
  }
})

test('shares are written so that every double from 0 to 1 comes back', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (value) => {
      const text = writeUnit('fraction', Math.abs(value))
      assert.equal(parseUnit('fraction', text), Math.abs(value))
      assert.match(text, new RegExp(unitPattern('fraction')))
    }),
    { seed: 1, numRuns: 3000 },
  )
  assert.equal(writeUnit('fraction', 0), '0 %')
  assert.equal(writeUnit('fraction', 0.02), '2 %')
  assert.equal(writeUnit('fraction', 0.125), '12.5 %')
  assert.equal(writeUnit('fraction', 1), '100 %')
})

test('the written form is short', () => {
  assert.equal(writeUnit('time', 12_500_000), '12.5 ms')
  assert.equal(writeUnit('time', 1_234_567), '1234.567 us')
  assert.equal(writeUnit('time', 0), '0 ns')
  assert.equal(writeUnit('time', 90e9), '1.5 min')
  assert.equal(writeUnit('rate', 9_600_000), '9.6 Mbit/s')
  assert.equal(writeUnit('rate', 0), 'unlimited')
  assert.equal(writeUnit('bytes', 65_536), '64 KiB')
  assert.equal(writeUnit('bytes', 1_460), '1.46 kB')
  assert.equal(writeUnit('count', 17), '17')
})

test('for people: three digits at most, the unit that fits', () => {
  const shown: [Parameters<typeof formatUnit>[0], number, string][] = [
    ['time', 0, '0 ns'],
    ['time', 999, '999 ns'],
    ['time', 12_500_000, '12.5 ms'],
    ['time', 1_234_567, '1.23 ms'],
    ['time', 61_000, '61 \u00b5s'],
    ['time', 999_600, '1 ms'],
    ['time', 90e9, '90 s'],
    ['time', 150e9, '2.5 min'],
    ['time', 7200e9, '2 h'],
    ['rate', 9_600_000, '9.6 Mbit/s'],
    ['rate', 0, 'unlimited'],
    ['bytes', 1_200, '1.2 kB'],
    ['bytes', 65_536, '64 KiB'],
    ['bytes', 1_500, '1.5 kB'],
    ['bytes', 5_000_000, '5 MB'],
    ['bytes', 2 ** 53 - 1, 'unlimited'],
    ['fraction', 0.02, '2 %'],
    ['fraction', 0.12345, '12.3 %'],
    ['count', 41_961, '41,961'],
    ['count', 1_234.5, '1,234.5'],
    ['count', 3, '3'],
  ]
  for (const [unit, value, text] of shown) assert.equal(formatUnit(unit, value), text)
})

test('any text at all gives a number in range or what is allowed', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{0,20} ?[a-zA-Z/%]{0,6}$/))
  fc.assert(
    fc.property(text, fc.constantFrom('time', 'rate', 'bytes', 'fraction', 'count'), (written, unit) => {
      const value = readUnit(unit, written)
      if (typeof value !== 'number') assert.ok(value.allowed.length > 0)
      else if (unit === 'fraction') assert.ok(value >= 0 && value <= 1)
      else if (unit === 'count') assert.ok(Number.isFinite(value))
      else assert.ok(Number.isSafeInteger(value) && value >= 0)
    }),
    { seed: 1, numRuns: 3000 },
  )
})

test('a refused quantity is a ScenarioError with one line', () => {
  assert.throws(
    () => parseUnit('time', '20 parsec', 'duration'),
    (error: unknown) =>
      error instanceof ScenarioError &&
      error.message === 'duration: found "20 parsec"; allowed: a time such as "20 ms" (ns, us, ms, s, min or h)',
  )
})
