import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_TCP, TCP_LIMITS, tcpConfig, TcpConfigError } from '../../../src/protocols/tcp/config.ts'

test('settings given replace defaults, and only those', () => {
  assert.deepEqual(tcpConfig({}), DEFAULT_TCP)
  const config = tcpConfig({ sack: false, mss: 536 })
  assert.deepEqual(config, { ...DEFAULT_TCP, sack: false, mss: 536 })
})

test('a preset comes first, and single settings change it', () => {
  assert.deepEqual(tcpConfig({ preset: 'standard' }), DEFAULT_TCP)
  const linux = tcpConfig({ congestionControl: 'new-reno', preset: 'linux' })
  assert.deepEqual([linux.congestionControl, linux.ecn, linux.rack, linux.sack], ['new-reno', 'passive', true, true])
  const textbook = tcpConfig({ preset: 'textbook' })
  assert.deepEqual([textbook.congestionControl, textbook.sack, textbook.timestamps], ['new-reno', false, false])
})

test('what does not exist, or does not fit, is refused by name', () => {
  const wrong: [string, unknown, RegExp][] = [
    ['sak', true, /has no setting sak; it has preset, mss,/],
    ['constructor', true, /has no setting/],
    ['sack', 1, /sack is a boolean, not 1/],
    ['mss', '1460', /mss is a number, not "1460"/],
    ['mss', 63, /mss is an integer from 64 to 65495, not 63/],
    ['mss', 1460.5, /integer/],
    ['retries', NaN, /integer/],
    ['congestionControl', 'reno', /congestionControl is 'new-reno' or 'cubic' or 'bbr', not "reno"/],
    ['ecn', 'maybe', /ecn is 'off' or 'passive' or 'on'/],
    ['preset', 'windows', /preset is 'standard' or 'linux' or 'textbook', not "windows"/],
    ['preset', 'constructor', /preset is 'standard'/],
    ['preset', 7, /preset is 'standard'/],
  ]
  for (const [name, value, message] of wrong) {
    assert.throws(
      () => tcpConfig({ [name]: value }),
      (error) => error instanceof TcpConfigError && error.setting === name && message.test(error.message),
    )
  }
})

test('every number has its limits, and the defaults are within them', () => {
  for (const [name, value] of Object.entries(DEFAULT_TCP)) {
    if (typeof value !== 'number') continue
    const [least, most] = TCP_LIMITS[name]
    assert.ok(value >= least && value <= most, name)
    assert.doesNotThrow(() => tcpConfig({ [name]: least }))
    assert.doesNotThrow(() => tcpConfig({ [name]: most }))
    assert.throws(() => tcpConfig({ [name]: least - 1 }), TcpConfigError)
    assert.throws(() => tcpConfig({ [name]: most + 1 }), TcpConfigError)
  }
  assert.equal(Object.keys(TCP_LIMITS).length, Object.values(DEFAULT_TCP).filter((value) => typeof value === 'number').length)
})
