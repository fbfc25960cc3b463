import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { AlternativeServices, BrokenServices, parseAltSvc } from '../../src/apps/alt-svc.ts'
import type { AdvertisedService } from '../../src/apps/alt-svc.ts'
import { SECOND } from '../../src/kernel/time.ts'

const service = (more: Partial<AdvertisedService> = {}): AdvertisedService => ({
  protocol: 'h3',
  host: '',
  port: 443,
  maxAge: 86_400,
  persist: false,
  ...more,
})

describe('RFC 7838 section 3: what the field Alt-Svc says', () => {
  const good: readonly (readonly [string, readonly AdvertisedService[] | 'clear'])[] = [
    ['h3=":443"', [service()]],
    ['h3=":443"; ma=3600', [service({ maxAge: 3600 })]],
    ['h3=":8443";ma="60" ; persist=1', [service({ port: 8443, maxAge: 60, persist: true })]],
    [
      'h2="alt.example.com:8000", h2=":443"',
      [service({ protocol: 'h2', host: 'alt.example.com', port: 8000 }), service({ protocol: 'h2' })],
    ],
    ['h3="[2001:DB8::1]:443"', [service({ host: '2001:db8::1' })]],
    ['w%3Dx%3Ay#z=":1"', [service({ protocol: 'w=x:y#z', port: 1 })]],
    ['h3=":443"; v="46,43"; ma=1', [service({ maxAge: 1 })]],
    ['  h3=":443" ,, h3-29=":443"  ', [service(), service({ protocol: 'h3-29' })]],
    ['h3=":443"; persist=2', [service()]],
    ['h3=":443"; ma=soon', [service()]],
    ['clear', 'clear'],
  ]
  for (const [value, says] of good) {
    test(value, () => {
      assert.deepEqual(parseAltSvc(value), says)
    })
  }

  test('a place that is none is left out, and the others count', () => {
    assert.deepEqual(parseAltSvc('h3="bob", h3=":0", h3=":65536", h3="a b:1", h3=":1"'), [service({ port: 1 })])
  })

  for (const value of [
    '',
    'Clear',
    'h3',
    'h3=',
    'h3=":443',
    'h3=":443" ma=1',
    'h3=":443"; ma',
    'h3=":443", clear',
    '=":443"',
    ';',
  ]) {
    test(`broken, and says nothing: ${JSON.stringify(value)}`, () => {
      assert.equal(parseAltSvc(value), undefined)
    })
  }

  test('any text gives a value, soon', () => {
    const words = fc.constantFrom(
      'h3',
      '=',
      '":443"',
      '"',
      '\\',
      ';',
      ',',
      ' ',
      'ma',
      '60',
      'clear',
      '%41',
      '[::1]',
      '\u00ff',
      '"a',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 60 }),
          fc.array(words, { maxLength: 40 }).map((all) => all.join('')),
        ),
        (text) => {
          const said = parseAltSvc(text)
          if (said === undefined || said === 'clear') return
          for (const { port, maxAge } of said) assert.ok(port >= 1 && port <= 65_535 && maxAge >= 0, `${port}, ${maxAge}`)
        },
      ),
      { seed: 7838, numRuns: 20_000 },
    )
    assert.equal(parseAltSvc(`h3=":443"${'; a=b'.repeat(3000)}`), undefined)
    assert.equal(parseAltSvc(`h3=":443"${' '.repeat(4000)}x`), undefined)
  })
})

describe('RFC 7838 section 2.2: how long it holds', () => {
  const ORIGIN = 'https://bob'

  test('for its age, of which some may be over', () => {
    const services = new AlternativeServices()
    assert.equal(services.note(ORIGIN, [service({ maxAge: 60 })], 10, 0), true)
    assert.equal(services.find(ORIGIN, 'h3', 50 * SECOND - 1)?.port, 443)
    assert.equal(services.find(ORIGIN, 'h3', 50 * SECOND), undefined)
    assert.equal(services.find(ORIGIN, 'h2', 0), undefined)
    assert.equal(services.find('https://carol', 'h3', 0), undefined)
  })

  test('until something else is said, or that nothing is to be kept', () => {
    const services = new AlternativeServices()
    services.note(ORIGIN, [service()], 0, 0)
    assert.equal(services.note(ORIGIN, [service({ maxAge: 5 })], 0, 0), false, 'only for how long is new')
    assert.equal(services.note(ORIGIN, [service({ port: 444 })], 0, 0), true)
    assert.equal(services.find(ORIGIN, 'h3', 0)?.port, 444)
    assert.equal(services.note(ORIGIN, 'clear', 0, 0), true)
    assert.equal(services.find(ORIGIN, 'h3', 0), undefined)
    assert.equal(services.note(ORIGIN, 'clear', 0, 0), false)
  })

  test('on another network only what persists', () => {
    const services = new AlternativeServices()
    services.note(ORIGIN, [service({ port: 1 }), service({ port: 2, persist: true })], 0, 0)
    services.note('https://carol', [service()], 0, 0)
    services.networkChanged()
    assert.equal(services.find(ORIGIN, 'h3', 0)?.port, 2)
    assert.equal(services.find('https://carol', 'h3', 0), undefined)
  })

  test('of many origins the latest', () => {
    const services = new AlternativeServices()
    for (let i = 0; i < 600; i++) services.note(`https://${i}`, [service()], 0, 0)
    assert.equal(services.find('https://99', 'h3', 0), undefined)
    assert.equal(services.find('https://100', 'h3', 0)?.port, 443)
  })
})

test('what fails again is left alone for twice as long, up to two days; once it works all is forgotten', () => {
  const broken = new BrokenServices(300 * SECOND)
  const rests = Array.from({ length: 12 }, () => broken.failed('bob 443', 0) / SECOND)
  assert.deepEqual(rests.slice(0, 4), [300, 600, 1200, 2400])
  assert.equal(rests[11], 172_800)
  assert.equal(broken.isBroken('bob 443', 172_800 * SECOND - 1), true)
  assert.equal(broken.isBroken('bob 443', 172_800 * SECOND), false)
  assert.equal(broken.isDoubtful('bob 443'), true)
  broken.confirmed('bob 443')
  assert.equal(broken.isDoubtful('bob 443'), false)
  assert.equal(broken.failed('bob 443', 0), 300 * SECOND)
  broken.networkChanged()
  assert.equal(broken.isBroken('bob 443', 1), false)
})
