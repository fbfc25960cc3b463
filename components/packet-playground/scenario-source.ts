import type { ScenarioPlace } from './engine.ts'

/** An attribute as a seed. Throws an Error for people. */
export function parseSeed(text: string): number {
  const value = /^\d{1,16}$/.test(text.trim()) ? Number(text) : NaN
  if (Number.isSafeInteger(value)) return value
  throw new Error(`The seed is “${text}”, but it has to be a whole number from 0 to 9007199254740991.`)
}

/** An attribute as a speed, or undefined when it is none. */
export function parseSpeed(text: string): number | undefined {
  const value = Number(text)
  return text.trim() !== '' && value >= 0.001 && value <= 10 ? value : undefined
}

/**
 * Where an element's scenario comes from: its `source` property, its `scenario` attribute (an id, or the address of a JSON file), or
 * a `<script type="application/json">` inside it. Undefined when there is nothing of it. Throws an Error for people.
 */
export function scenarioPlace(element: Element, attribute: string, source: unknown): ScenarioPlace | undefined {
  if (source !== undefined) return { source }
  const text = attribute.trim()
  if (text !== '') return /[/.:]/.test(text) ? { url: new URL(text, document.baseURI).href } : { id: text }
  const script = element.querySelector(':scope > script[type="application/json"]')
  if (script === null) return undefined
  try {
    return { source: JSON.parse(script.textContent) }
  } catch (error) {
    throw new Error(`The scenario inside this element is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
