//! Compiles the contracts with a pure-Rust protobuf compiler: no tool to install, nothing generated is committed.

use std::path::{Path, PathBuf};

use prost::Message as _;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    println!("cargo:rerun-if-changed=retail");
    println!("cargo:rerun-if-changed=google");
    let mut files = Vec::new();
    collect(Path::new("retail"), &mut files)?;
    files.sort();
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    // The raw set keeps our own options (routes, permissions), which typed descriptors would drop.
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    let mut bare = protox::Compiler::new(["."])?;
    bare.include_imports(true).open_files(&files)?;
    std::fs::write(out.join("bare.bin"), bare.encode_file_descriptor_set())?;
    let set = compiler.file_descriptor_set();
    debug_assert!(set.encoded_len() > 0);
    // What is written down names its type, so that it is read again as what it was.
    let mut names = tonic_prost_build::Config::new();
    names.enable_type_names();
    tonic_prost_build::configure().generate_default_stubs(true).compile_fds_with_config(set, names)?;
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ext| ext == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
