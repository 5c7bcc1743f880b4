// Light and dark. The colours stand in page.css; what draws on a canvas reads them here.

export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'kilohertz-theme';
const ORDER: readonly Theme[] = ['auto', 'light', 'dark'];
const dark = matchMedia('(prefers-color-scheme: dark)');
const listeners: (() => void)[] = [];
let theme: Theme = 'auto';
let style = getComputedStyle(document.documentElement);

/** Calls `listener` when colours have changed. */
export function onThemeChange(listener: () => void): void {
  listeners.push(listener);
}

/** Returns the colour of a name in page.css. */
export function color(name: string): string {
  return style.getPropertyValue(`--${name}`).trim();
}

export function currentTheme(): Theme {
  return theme;
}

export function nextTheme(): void {
  setTheme(ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length] ?? 'auto');
}

function setTheme(next: Theme): void {
  theme = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // A browser may forbid it; then the choice lasts as long as the page.
  }
  tell();
}

function tell(): void {
  const isDark = theme === 'dark' || (theme === 'auto' && dark.matches);
  document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light';
  style = getComputedStyle(document.documentElement);
  for (const listener of listeners) listener();
}

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return ORDER.find((known) => known === value) ?? 'auto';
  } catch {
    return 'auto';
  }
}

dark.addEventListener('change', tell);
setTheme(stored());
