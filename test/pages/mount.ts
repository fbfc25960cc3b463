import type { LitElement } from 'lit'

/** What the tests of one file have put on the page. */
const mounted: Element[] = []

/** Puts an element on the page, with properties, and waits for its first rendering. */
export async function mount<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Partial<HTMLElementTagNameMap[K]>,
): Promise<HTMLElementTagNameMap[K]> {
  const element = document.createElement(name)
  Object.assign(element, properties)
  document.body.append(element)
  mounted.push(element)
  await settled(element)
  return element
}

/** What puts the browser back as it was. */
const restorations: (() => void)[] = []

/** Replaces a method of the browser until `unmount`. */
export function replace<T extends object, K extends keyof T>(object: T, name: K, value: T[K]): void {
  const original = Object.getOwnPropertyDescriptor(object, name)
  Object.defineProperty(object, name, { configurable: true, writable: true, value })
  restorations.push(() => {
    if (original === undefined) Reflect.deleteProperty(object, name)
    else Object.defineProperty(object, name, original)
  })
}

/** Takes everything off the page again, and puts the browser back as it was. */
export function unmount(): void {
  for (const element of mounted.splice(0)) element.remove()
  for (const restore of restorations.splice(0).reverse()) restore()
}

/** Waits until an element has rendered, and what it renders too. */
export async function settled(element: Element): Promise<void> {
  await (element as Partial<LitElement>).updateComplete
  await new Promise((resolve) => requestAnimationFrame(resolve))
  await (element as Partial<LitElement>).updateComplete
}

/** Waits until something is so. Fails after five seconds. */
export async function until(condition: () => unknown, what: string): Promise<void> {
  const end = performance.now() + 5000
  for (;;) {
    const value = condition()
    if (value !== false && value !== undefined && value !== null) return
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** The first match inside an element's shadow tree, and inside the shadow trees of the matches before it. Fails when there is none. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as in querySelector
export function inside<T extends Element = HTMLElement>(element: Element, ...selectors: readonly string[]): T {
  let found: Element = element
  for (const selector of selectors) {
    const next: Element | null | undefined = found.shadowRoot?.querySelector(selector)
    if (next === null || next === undefined) throw new Error(`no ${selector} in <${found.localName}>`)
    found = next
  }
  return found as T
}

export function insideAll(element: Element, selector: string): HTMLElement[] {
  return [...(element.shadowRoot?.querySelectorAll<HTMLElement>(selector) ?? [])]
}

/** The button that says this, or is labelled so. */
export function button(element: Element, words: string): HTMLButtonElement {
  const found = insideAll(element, 'button').find(
    (each) => tidy(each.getAttribute('aria-label') ?? '') === words || tidy(each.textContent) === words,
  )
  if (!(found instanceof HTMLButtonElement)) throw new Error(`no button “${words}” in <${element.localName}>`)
  return found
}

function tidy(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

/** Text without the layout's white space, and with plain spaces. */
export function words(element: Element | null | undefined): string {
  return tidy(element?.textContent ?? '')
}

/** Sets a control's value as a person does. */
export function choose(control: HTMLInputElement | HTMLSelectElement, value: string): void {
  control.value = value
  control.dispatchEvent(new Event('input', { bubbles: true, composed: true }))
  control.dispatchEvent(new Event('change', { bubbles: true }))
}

export function press(element: Element, key: string, more: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true, ...more })
  element.dispatchEvent(event)
  return event
}
