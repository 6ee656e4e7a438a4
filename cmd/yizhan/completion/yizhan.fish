# fish completion for yizhan: yizhan completion fish | source, or as a file in
# ~/.config/fish/completions.
function __yizhan_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (command $words[1] complete-words $words[2..-1] 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':dirs'
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
complete -c yizhan -f -a '(__yizhan_complete)'
