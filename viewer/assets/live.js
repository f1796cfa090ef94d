// News from the viewer, while somebody looks: a browser has few connections for all pages of a host.

export function listen(path, handlers) {
  let source = null;
  const close = () => { source?.close(); source = null; };
  const update = () => {
    if (document.hidden) close();
    else if (!source) {
      source = new EventSource(path);
      for (const [name, handler] of Object.entries(handlers)) source.addEventListener(name, handler);
    }
  };
  document.addEventListener("visibilitychange", update);
  addEventListener("pagehide", close);
  addEventListener("pageshow", update);
  update();
}
