//! Links the addon, and keeps it in memory once loaded.

fn main() {
    napi_build::setup();
    // A worker that ends unloads the addon; a thread of ours that still runs then would execute
    // unmapped code (rust-lang/rust#91979). `nodelete` keeps the library mapped.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
