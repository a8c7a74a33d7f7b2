// The pages of `docs` as modules, in builds of the documentation and of its tests alone.

// A page names others, and items, by references that it defines for readers of the file. What `links.md` defines comes
// first, so here the same references lead to modules and items, and those of figures to nothing: no file is beside the
// documentation, which has them in itself, at the end of the page.
macro_rules! pages {
    ($($(#[$figures:meta])* $page:ident = $file:literal;)*) => {$(
        #[doc = include_str!("links.md")]
        #[doc = include_str!(concat!("../../docs/", $file))]
        $(#[$figures])*
        pub mod $page {}
    )*};
}

pages! {
    burn = "burn.md";
    c = "c.md";
    candle = "candle.md";
    #[doc = "<style>.docblock svg { max-width: 100%; height: auto }</style>"]
    #[doc = include_str!("../../docs/patterns.svg")]
    #[doc = include_str!("../../docs/channels.svg")]
    #[doc = include_str!("../../docs/histogram.svg")]
    #[doc = include_str!("../../docs/training.svg")]
    #[doc = include_str!("../../docs/gap.svg")]
    #[doc = include_str!("../../docs/weights.svg")]
    #[doc = include_str!("../../docs/uncertainty.svg")]
    chapter = "chapter.md";
    choosing = "choosing.md";
    engine_op = "engine-op.md";
    firmware = "firmware.md";
    flash = "flash.md";
    guarantees = "guarantees.md";
    layouts = "layouts.md";
    masks = "masks.md";
    monte_carlo = "monte-carlo.md";
    names = "names.md";
    onnx = "onnx.md";
    platforms = "platforms.md";
    python = "python.md";
    python_torch = "python-torch.md";
    recompute = "recompute.md";
    shards = "shards.md";
    #[doc = "<style>.docblock svg { max-width: 100%; height: auto }</style>"]
    #[doc = include_str!("../../docs/speed.svg")]
    speed = "speed.md";
    stream = "stream.md";
    wasm = "wasm.md";
}
