interface Route {
  readonly path: RegExp;
  readonly methods: Set<string>;
}

/** Which methods a path knows: tells "no such thing" (404) from "not in this way" (405). */
export class RouteTable {
  readonly #routes = new Map<string, Route>();

  /** `pattern` as the router has it: `/api/personal_api_keys/:id`. */
  add(methods: string | readonly string[], pattern: string): void {
    const route = this.#routes.get(pattern) ?? { path: toRegExp(pattern), methods: new Set<string>() };
    for (const method of [methods].flat()) route.methods.add(method);
    this.#routes.set(pattern, route);
  }

  methodsOf(url: string): string[] {
    const path = url.replace(/\?.*$/s, '').replace(/(.)\/$/, '$1');
    const matching = [...this.#routes.values()].filter((route) => route.path.test(path));
    return [...new Set(matching.flatMap((route) => [...route.methods]))].sort();
  }
}

function toRegExp(pattern: string): RegExp {
  const segments = pattern.split('/').map((segment) => (segment.startsWith(':') ? '[^/]+' : literal(segment)));
  return new RegExp(`^${segments.join('/')}$`);
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
