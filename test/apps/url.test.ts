import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatOrigin, formatUrl, parseUrl, resolveUrl, secured } from '../../src/apps/url.ts'

test('absolute addresses', () => {
  assert.deepEqual(parseUrl('http://bob/'), { scheme: 'http', host: 'bob', port: 80, target: '/' })
  assert.deepEqual(parseUrl('HTTP://Bob:8080/a/b?c=d#e'), { scheme: 'http', host: 'bob', port: 8080, target: '/a/b?c=d' })
  assert.deepEqual(parseUrl('http://10.0.0.1'), { scheme: 'http', host: '10.0.0.1', port: 80, target: '/' })
  assert.deepEqual(parseUrl('http://bob?q#f'), { scheme: 'http', host: 'bob', port: 80, target: '/?q' })
  assert.equal(parseUrl('http://bob/\u00fc ')?.target, '/%C3%BC%20')
})

test('RFC 3986 section 3.2.2: IPv6 addresses in brackets, in the form of RFC 5952 from then on', () => {
  const url = parseUrl('http://[2001:DB8:0:0::1]:8080/x')
  assert.deepEqual(url, { scheme: 'http', host: '2001:db8::1', port: 8080, target: '/x' })
  assert.equal(formatUrl(url), 'http://[2001:db8::1]:8080/x')
  assert.equal(formatUrl({ scheme: 'http', host: '2001:db8::1', port: 80, target: '/' }), 'http://[2001:db8::1]/')
  assert.deepEqual(resolveUrl(url, '/y')?.host, '2001:db8::1')
  for (const text of [
    'http://[2001:db8::1/',
    'http://[]/',
    'http://[1::2::3]/',
    'http://[::1]x/',
    'http://2001:db8::1/',
    'http://[b]/',
  ]) {
    assert.equal(parseUrl(text), undefined, text)
  }
})

test('what is none', () => {
  for (const text of [
    '',
    'bob',
    '/x',
    'ftp://bob/',
    'http:/bob',
    'http://',
    'http:///x',
    'http://bob:0/',
    'http://bob:65536/',
    'http://a@b/',
    'data:,x',
  ]) {
    assert.equal(parseUrl(text), undefined, text)
  }
})

test('port 80 goes without saying', () => {
  assert.equal(formatUrl({ scheme: 'http', host: 'bob', port: 80, target: '/x' }), 'http://bob/x')
  assert.equal(formatUrl({ scheme: 'http', host: 'bob', port: 81, target: '/' }), 'http://bob:81/')
})

test('RFC 3986 section 5.4: references, normal and abnormal', () => {
  const base = parseUrl('http://a/b/c/d;p?q')
  assert.ok(base)
  const examples: Record<string, string> = {
    g: 'http://a/b/c/g',
    './g': 'http://a/b/c/g',
    'g/': 'http://a/b/c/g/',
    '/g': 'http://a/g',
    '//g': 'http://g/',
    '?y': 'http://a/b/c/d;p?y',
    'g?y': 'http://a/b/c/g?y',
    '#s': 'http://a/b/c/d;p?q',
    'g#s': 'http://a/b/c/g',
    'g?y#s': 'http://a/b/c/g?y',
    ';x': 'http://a/b/c/;x',
    'g;x?y#s': 'http://a/b/c/g;x?y',
    '': 'http://a/b/c/d;p?q',
    '.': 'http://a/b/c/',
    './': 'http://a/b/c/',
    '..': 'http://a/b/',
    '../': 'http://a/b/',
    '../g': 'http://a/b/g',
    '../..': 'http://a/',
    '../../g': 'http://a/g',
    '../../../g': 'http://a/g',
    '/./g': 'http://a/g',
    '/../g': 'http://a/g',
    'g.': 'http://a/b/c/g.',
    '..g': 'http://a/b/c/..g',
    './g/.': 'http://a/b/c/g/',
    'g/./h': 'http://a/b/c/g/h',
    'g/../h': 'http://a/b/c/h',
    'g?y/../x': 'http://a/b/c/g?y/../x',
    'http://h/i': 'http://h/i',
  }
  for (const [reference, expected] of Object.entries(examples)) {
    const url = resolveUrl(base, reference)
    assert.equal(url && formatUrl(url), expected, reference)
  }
  for (const other of ['ftp://h/', 'data:text/plain,x', 'mailto:x@y', 'javascript:0'])
    assert.equal(resolveUrl(base, other), undefined)
})

test('https: its own port, and references keep the scheme', () => {
  const url = parseUrl('HTTPS://Bob/x')
  assert.deepEqual(url, { scheme: 'https', host: 'bob', port: 443, target: '/x' })
  assert.equal(formatUrl({ ...url, port: 443 }), 'https://bob/x')
  assert.equal(formatUrl({ ...url, port: 80 }), 'https://bob:80/x')
  for (const [reference, expected] of [
    ['//cdn/y', 'https://cdn/y'],
    ['y', 'https://bob/y'],
    ['http://bob/y', 'http://bob/y'],
    ['//cdn:443/', 'https://cdn/'],
  ]) {
    const resolved = resolveUrl(url, reference)
    assert.equal(resolved && formatUrl(resolved), expected)
  }
  assert.equal(formatOrigin(url), 'https://bob')
})

test('RFC 6797 section 8.3: an address under TLS keeps any port but 80', () => {
  for (const [plain, expected] of [
    ['http://bob/x', 'https://bob/x'],
    ['http://bob:8080/x', 'https://bob:8080/x'],
    ['https://bob/x', 'https://bob/x'],
  ]) {
    const url = parseUrl(plain)
    assert.equal(url && formatUrl(secured(url)), expected)
  }
})
