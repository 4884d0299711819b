# rnncc_add_model(TARGET MODEL [NAME name] [OPTIONS option...] [DEPENDS file...])
#
# Compiles MODEL (.onnx, .rnn) to C when the project is built, and makes of the C a static library TARGET, whose users
# can #include "<name>.h". name is the model's file name without its ending unless given; OPTIONS go to `rnncc compile`;
# the library is made again when MODEL, one of DEPENDS (external weights, say) or rnncc itself changes.
#
#     find_package(rnncc REQUIRED)
#     rnncc_add_model(vad models/vad.onnx OPTIONS --target x86-64-v3 --bind sr=16000)
#     target_link_libraries(app PRIVATE vad)

function(rnncc_add_model target model)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "NAME" "OPTIONS;DEPENDS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "rnncc_add_model(${target}): unknown argument '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  get_filename_component(path ${model} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
  if(arg_NAME)
    set(name ${arg_NAME})
    list(APPEND arg_OPTIONS --name ${name})
  else()
    get_filename_component(name ${path} NAME_WLE)
    string(MAKE_C_IDENTIFIER ${name} name)
  endif()
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/rnncc/${target})
  add_custom_command(OUTPUT ${dir}/${name}.c ${dir}/${name}.h
    COMMAND rnncc::command compile ${path} -o ${dir} ${arg_OPTIONS}
    DEPENDS ${path} ${arg_DEPENDS} rnncc::command
    COMMENT "rnncc compile ${model}" VERBATIM)
  add_library(${target} STATIC ${dir}/${name}.c ${dir}/${name}.h)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target} INTERFACE ${dir})
  target_link_libraries(${target} PUBLIC $<$<NOT:$<PLATFORM_ID:Windows>>:m>)
endfunction()
