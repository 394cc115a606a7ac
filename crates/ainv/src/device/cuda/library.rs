//! A shared library's functions, as a table. What is missing is an error that names it: a driver may be older than we are.

/// The table `$name` of functions that return a number, zero where they succeed.
macro_rules! functions {
    ($(#[$about:meta])* $name:ident { $($function:ident($($argument:ty),*);)+ }) => {
        $(#[$about])*
        #[allow(non_snake_case)]
        pub(super) struct $name {
            $(pub(super) $function: unsafe extern "system" fn($($argument),*) -> core::ffi::c_int,)+
            /// The functions are its own.
            _library: libloading::Library,
        }

        impl $name {
            /// The library of this name, and its functions.
            ///
            /// # Errors
            /// In words.
            #[allow(non_snake_case)]
            fn open(name: &str) -> Result<$name, String> {
                // SAFETY: these libraries do nothing when they are loaded that we had to look after.
                let library = unsafe { libloading::Library::new(name) };
                let library = library.map_err(|_| format!("there is no {name}"))?;
                $(
                    let symbol = concat!(stringify!($function), "\0");
                    // SAFETY: it has this type in the headers of CUDA.
                    let found = unsafe {
                        library.get::<unsafe extern "system" fn($($argument),*) -> core::ffi::c_int>(symbol.as_bytes())
                    };
                    let $function = *found.map_err(|_| format!("{name} has no {}: it is too old", stringify!($function)))?;
                )+
                Ok($name { $($function,)+ _library: library })
            }
        }
    };
}

pub(super) use functions;
